import { Inject, Injectable, type Type } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import {
  ChangeApiKey,
  ChangeBackend,
  ChangeCatalogue,
  ChangeLedger,
  ChangeOrganization,
  EditLedger,
  IssueApiKey,
  IssueSystemToken,
  RegisterBackend,
  RegisterOrganization,
  RevokeApiKey,
  RevokeSystemToken,
  RotateApiKey,
  RotateSystemToken,
} from './commands';

/** What every handler needs: the control plane, which loads, decides and appends. */
@Injectable()
abstract class Handler {
  constructor(@Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions) {}

  protected get control() {
    return this.options.control;
  }
}

@CommandHandler(RegisterOrganization)
class RegisterOrganizationHandler extends Handler implements ICommandHandler<RegisterOrganization> {
  execute({ context, wanted }: RegisterOrganization) {
    return this.control.organizations.register(context, wanted);
  }
}

@CommandHandler(ChangeOrganization)
class ChangeOrganizationHandler extends Handler implements ICommandHandler<ChangeOrganization> {
  execute({ context, orgId, changes }: ChangeOrganization) {
    return this.control.organizations.change(context, orgId, ...changes);
  }
}

@CommandHandler(IssueApiKey)
class IssueApiKeyHandler extends Handler implements ICommandHandler<IssueApiKey> {
  execute({ context, orgId, wanted }: IssueApiKey) {
    return this.control.apiKeys.issue(context, orgId, wanted);
  }
}

@CommandHandler(ChangeApiKey)
class ChangeApiKeyHandler extends Handler implements ICommandHandler<ChangeApiKey> {
  execute({ context, orgId, keyId, changes }: ChangeApiKey) {
    return this.control.apiKeys.change(context, orgId, keyId, changes);
  }
}

@CommandHandler(RotateApiKey)
class RotateApiKeyHandler extends Handler implements ICommandHandler<RotateApiKey> {
  execute({ context, orgId, keyId, graceSeconds }: RotateApiKey) {
    return this.control.apiKeys.rotate(context, orgId, keyId, graceSeconds);
  }
}

@CommandHandler(RevokeApiKey)
class RevokeApiKeyHandler extends Handler implements ICommandHandler<RevokeApiKey> {
  execute({ context, orgId, keyId, reason }: RevokeApiKey) {
    return this.control.apiKeys.revoke(context, orgId, keyId, reason);
  }
}

@CommandHandler(IssueSystemToken)
class IssueSystemTokenHandler extends Handler implements ICommandHandler<IssueSystemToken> {
  execute({ context, wanted }: IssueSystemToken) {
    return this.control.systemTokens.issue(context, wanted);
  }
}

@CommandHandler(RotateSystemToken)
class RotateSystemTokenHandler extends Handler implements ICommandHandler<RotateSystemToken> {
  execute({ context, tokenId, graceSeconds }: RotateSystemToken) {
    return this.control.systemTokens.rotate(context, tokenId, graceSeconds);
  }
}

@CommandHandler(RevokeSystemToken)
class RevokeSystemTokenHandler extends Handler implements ICommandHandler<RevokeSystemToken> {
  execute({ context, tokenId, reason }: RevokeSystemToken) {
    return this.control.systemTokens.revoke(context, tokenId, reason);
  }
}

@CommandHandler(ChangeLedger)
class ChangeLedgerHandler extends Handler implements ICommandHandler<ChangeLedger> {
  execute({ context, orgId, change }: ChangeLedger) {
    return this.control.ledgers.change(orgId, change, context);
  }
}

@CommandHandler(EditLedger)
class EditLedgerHandler extends Handler implements ICommandHandler<EditLedger> {
  execute({ context, orgId, change }: EditLedger) {
    return this.control.ledgerEdits.edit(context, orgId, change);
  }
}

@CommandHandler(RegisterBackend)
class RegisterBackendHandler extends Handler implements ICommandHandler<RegisterBackend> {
  execute({ context, kind, settings }: RegisterBackend) {
    return this.control.catalogueCommands.registerBackend(context, kind, settings);
  }
}

@CommandHandler(ChangeBackend)
class ChangeBackendHandler extends Handler implements ICommandHandler<ChangeBackend> {
  execute({ context, backendId, changes }: ChangeBackend) {
    return this.control.catalogueCommands.changeBackend(context, backendId, changes);
  }
}

@CommandHandler(ChangeCatalogue)
class ChangeCatalogueHandler extends Handler implements ICommandHandler<ChangeCatalogue> {
  execute({ context, changes }: ChangeCatalogue) {
    return this.control.catalogueCommands.change(context, ...changes);
  }
}

export const COMMAND_HANDLERS: readonly Type[] = [
  RegisterOrganizationHandler,
  ChangeOrganizationHandler,
  IssueApiKeyHandler,
  ChangeApiKeyHandler,
  RotateApiKeyHandler,
  RevokeApiKeyHandler,
  IssueSystemTokenHandler,
  RotateSystemTokenHandler,
  RevokeSystemTokenHandler,
  ChangeLedgerHandler,
  EditLedgerHandler,
  RegisterBackendHandler,
  ChangeBackendHandler,
  ChangeCatalogueHandler,
];
